import {expect, test} from "vitest"
import {destinations, type Places} from "../src/destinations"

const ID = "01900000-0000-7000-8000-000000000000"

const places: Places = {
  tasks: [
    {name: "video.transcode", title: "Convert a video for the web"},
    {name: "images.resize", title: "Make pictures smaller"},
    {name: "bare", title: ""},
  ],
  places: [
    {name: "tasks", title: "Tasks"},
    {name: "queue", title: "Queue"},
  ],
  jobs: Array.from({length: 6}, (_, number) => ({
    id: `job-${number}`,
    title: "Convert a video for the web",
    note: "Running",
  })),
  jobOfId: id => `Open job ${id}`,
}

const titles = (search: string) => destinations(search, places).map(({title}) => title)
const ways = (search: string) => destinations(search, places).map(({href}) => href)

test("without a search the latest jobs come first, then the tasks and places", () => {
  expect(ways("")).toEqual([
    "#/jobs/job-0",
    "#/jobs/job-1",
    "#/jobs/job-2",
    "#/jobs/job-3",
    "#/tasks/video.transcode",
    "#/tasks/images.resize",
    "#/tasks/bare",
    "#/tasks",
    "#/queue",
  ])
})

test("every word has to be found, in the title or in the name", () => {
  expect(ways("resize pictures")).toEqual(["#/tasks/images.resize"])
  expect(ways("resize video")).toEqual([])
})

test("what begins with the search comes before what contains it", () => {
  expect(titles("ma")[0]).toBe("Make pictures smaller")
  expect(titles("que")).toEqual(["Queue"])
})

test("jobs come behind the task that they are of, and few of them", () => {
  expect(ways("video")).toEqual([
    "#/tasks/video.transcode",
    "#/jobs/job-0",
    "#/jobs/job-1",
    "#/jobs/job-2",
    "#/jobs/job-3",
  ])
})

test.each([ID, ID.replaceAll("-", ""), ` ${ID} `])("the id of a job leads to it: %j", id => {
  expect(ways(id)).toEqual([`#/jobs/${id.trim()}`])
})
