/** Signing in. */

export const signIn = {
  title: "Sign in",
  to: (instance: string) => `Sign in to ${instance}`,
  busy: "Signing in …",
  link: "Open the sign-in link that was printed by",
  command: "taskrealm up",
  linkOrToken: ", or paste a token that you were given.",
  token: "Token",
  submit: "Sign in",
  byPassword: "With a name and a password",
  byToken: "With a link or a token",
  name: "Name",
  password: "Password",
  submitPassword: "Continue",
  tokenRefused: (why: string) => `Your token was not accepted: ${why}`,
  passwordRefused: (why: string) => `You were not signed in: ${why}`,
  linkRefused: (why: string) => `This sign-in link cannot be used: ${why}. A link works once.`,
}
