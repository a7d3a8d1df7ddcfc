import {describe, expect, test} from "vitest"
import {contrast, type Rgb, readable, rgbOf, SCREEN} from "../../src/output/colours"
import {inherited, lookOf, PLAIN, styled, UNKNOWN} from "../../src/output/style"

/** What is special after these sequences. */
function after(...sequences: string[]): object {
  const look = lookOf(sequences.reduce(styled, PLAIN))
  return Object.fromEntries(Object.entries(look).filter(([, value]) => value))
}

describe("a style", () => {
  test.each([
    [["1", "4"], {bold: true, underline: true}],
    [["1;3;4;9"], {bold: true, italic: true, underline: true, strike: true}],
    [["1;2", "22"], {}],
    [["4", "4:0"], {}],
    [["4:3"], {underline: true}],
    [["31"], {color: "5;1"}],
    [["97;107"], {color: "5;15", background: "5;15"}],
    [["38;5;196"], {color: "5;196"}],
    [["48;2;1;2;3;1"], {background: "2;1;2;3", bold: true}],
    [["38:2::10:20:30"], {color: "2;10;20;30"}],
    [["38:2:10:20:30"], {color: "2;10;20;30"}],
    [["31", ""], {}],
    [["31;42", "39"], {background: "5;2"}],
    [["7", "27"], {}],
    [["38;5"], {}],
    [["38;5;999"], {}],
    [["38;2;1;2"], {}],
    [["38;9;1"], {bold: true}],
    [["5;8;53;nonsense"], {}],
  ])("behind %j is %j", (sequences, expected) => {
    expect(after(...sequences)).toEqual(expected)
  })

  test("goes on from what was before, as far as it does not say otherwise", () => {
    const before = styled(PLAIN, "1;31;44")
    const read = styled(styled(UNKNOWN, "39"), "4")

    expect(lookOf(inherited(read, before))).toMatchObject({
      color: "",
      background: "5;4",
      bold: true,
      underline: true,
    })
    expect(inherited(styled(UNKNOWN, "0"), before)).toBe(PLAIN)
    expect(lookOf(UNKNOWN)).toEqual(lookOf(PLAIN))
  })
})

describe("colours", () => {
  test("can be read on the screen and on each other, all of them", () => {
    const palette = Array.from({length: 256}, (_, index) => rgbOf(`5;${index}`) as Rgb)
    const unreadable = [SCREEN, ...palette].flatMap(ground =>
      palette.filter(colour => contrast(readable(colour, ground), ground) < 4.5),
    )

    expect(unreadable).toEqual([])
  })

  test("stay as they are where they can be read", () => {
    for (const name of ["5;9", "5;15", "2;255;200;0"]) {
      const colour = rgbOf(name) as Rgb
      expect(readable(colour, SCREEN)).toEqual(colour)
    }
  })

  test("of the palette are the usual ones", () => {
    expect(rgbOf("5;196")).toEqual([255, 0, 0])
    expect(rgbOf("5;244")).toEqual([128, 128, 128])
    expect(rgbOf("2;1;2;3")).toEqual([1, 2, 3])
    expect(rgbOf("")).toBeNull()
  })
})
