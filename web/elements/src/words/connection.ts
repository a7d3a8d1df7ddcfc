/** What is said while something is not there yet, or not there any more. */

export const connection = {
  loading: (what: string) => `Loading ${what} …`,
  curesItself: "This page goes on by itself as soon as it can.",
}
