/** Every text of the console that is not an element's: an area for each screen. */

import {connection} from "./connection"
import {frame} from "./frame"
import {jobs} from "./jobs"
import {jump} from "./jump"
import {queue} from "./queue"
import {schedules} from "./schedules"
import {share} from "./share"
import {signIn} from "./sign-in"
import {task} from "./task"
import {tasks} from "./tasks"

export const words = {
  connection,
  frame,
  jobs,
  jump,
  queue,
  schedules,
  share,
  signIn,
  task,
  tasks,
}
