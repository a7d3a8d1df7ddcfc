/** Whether what the page shows is up to date. */

export const connection = {
  connecting: "Connecting",
  live: "Live",
  recovering: "Catching up",
  offline: "Offline",
  denied: "Signed out",
  closed: "Signed out",
  retryIn: (seconds: number) => `Offline, retry in ${seconds} s`,
  retry: "Try now",
  away: "The executor is away just now. This page goes on by itself when it is back.",
  cut: "No connection to the server. This page catches up by itself when it is back.",
}
