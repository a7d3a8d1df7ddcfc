/** The screens: who sees them in the navigation, and how each comes into the page. */

import type {Client} from "@taskrealm/client"
import {html} from "lit"
import {keyed} from "lit/directives/keyed.js"
import type {Account} from "./account"
import type {Catalog} from "./catalog"
import type {Route, ScreenName} from "./route"
import type {Tally} from "./tally"
import "./screens/tasks"

/** What a screen is shown with. */
export interface Scene {
  account: Account
  client: Client
  catalog: Catalog
  route: Route
  /** What of one's own goes on just now. */
  tally: Tally
}

export interface Screen {
  /** Whether only operators have a use for it. */
  isForOperators: boolean
  /** Loads its code; that of the first screen of most visits is in the page already. */
  load(route: Route): Promise<unknown>
  render(scene: Scene): unknown
}

const atHand = async () => {}

export const screens: Record<ScreenName, Screen> = {
  tasks: {
    isForOperators: false,
    load: ({item}) => (item === null ? atHand() : import("./screens/task")),
    render: ({account, client, catalog, tally, route: {item, query}}) =>
      item === null
        ? html`<tr-tasks
            .account=${account}
            .client=${client}
            .catalog=${catalog}
            .tally=${tally}
          ></tr-tasks>`
        : html`<tr-task
            .client=${client}
            .catalog=${catalog}
            .name=${item}
            .from=${query.get("from")}
            .query=${query}
          ></tr-task>`,
  },
  jobs: {
    isForOperators: false,
    load: ({item}) => (item === null ? import("./screens/jobs") : import("./screens/job")),
    render: ({client, catalog, route: {item, query}}) =>
      item === null
        ? html`<tr-jobs .client=${client} .catalog=${catalog} .query=${query}></tr-jobs>`
        : keyed(
            item,
            html`<tr-job
              .client=${client}
              .catalog=${catalog}
              .jobId=${item}
              .query=${query}
            ></tr-job>`,
          ),
  },
  queue: {
    isForOperators: false,
    load: () => import("./screens/queue"),
    render: ({account, client, catalog, route: {query}}) =>
      html`<tr-queue .account=${account} .client=${client} .catalog=${catalog} .query=${query}></tr-queue>`,
  },
  schedules: {
    isForOperators: true,
    load: () => import("./screens/schedules"),
    render: ({account, client, catalog, route: {query}}) =>
      html`<tr-schedules .account=${account} .client=${client} .catalog=${catalog} .query=${query}></tr-schedules>`,
  },
  health: {
    isForOperators: true,
    load: () => import("./screens/health"),
    render: ({account, client, catalog, route: {query}}) =>
      html`<tr-health .account=${account} .client=${client} .catalog=${catalog} .query=${query}></tr-health>`,
  },
  access: {
    isForOperators: true,
    load: () => import("./screens/access"),
    render: ({account, client, catalog, route: {query}}) =>
      html`<tr-access .account=${account} .client=${client} .catalog=${catalog} .query=${query}></tr-access>`,
  },
  audit: {
    isForOperators: true,
    load: () => import("./screens/audit"),
    render: ({account, client, catalog, route: {query}}) =>
      html`<tr-audit .account=${account} .client=${client} .catalog=${catalog} .query=${query}></tr-audit>`,
  },
  account: {
    isForOperators: false,
    load: () => import("./screens/account"),
    render: ({account, client, catalog, route: {query}}) =>
      html`<tr-account .account=${account} .client=${client} .catalog=${catalog} .query=${query}></tr-account>`,
  },
}

/** The screen of *scene*, whose code is there. */
export function showScreen(scene: Scene): unknown {
  const {screen} = scene.route
  return keyed(screen, screens[screen].render(scene))
}
