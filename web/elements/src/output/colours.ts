/** Colours of text that can be read on the screen that they are on. */

export type Rgb = readonly [red: number, green: number, blue: number]

/** What the screen is unless a style says otherwise. */
export const SCREEN: Rgb = [15, 20, 25]

/** The contrast that normal text needs (WCAG 2.2 AA). */
const LEAST = 4.5

/** The sixteen colours by name, told apart on a dark screen. */
const NAMED: readonly Rgb[] = [
  [110, 118, 129],
  [255, 123, 114],
  [86, 211, 100],
  [227, 179, 65],
  [121, 184, 255],
  [210, 168, 255],
  [86, 212, 221],
  [201, 209, 217],
  [139, 148, 158],
  [255, 161, 152],
  [126, 231, 135],
  [242, 204, 96],
  [165, 214, 255],
  [226, 197, 255],
  [179, 240, 255],
  [255, 255, 255],
]

/** The colour that a style names, `5;N` or `2;R;G;B`; null for none. */
export function rgbOf(name: string): Rgb | null {
  const [kind, ...numbers] = name.split(";").map(Number)
  const [red = 0, green = 0, blue = 0] = numbers
  if (kind === 2) return [red, green, blue]
  return kind === 5 ? paletteColour(red) : null
}

/** *text* on *ground*, made lighter or darker as far as it takes to read it. */
export function readable(text: Rgb, ground: Rgb): Rgb {
  const end: Rgb = contrast([255, 255, 255], ground) >= contrast([0, 0, 0], ground) ? WHITE : BLACK
  for (let share = 0; share < 1; share += 0.1) {
    const mixed = text.map((each, index) =>
      Math.round(each + ((end[index] ?? 0) - each) * share),
    ) as unknown as Rgb
    if (contrast(mixed, ground) >= LEAST) return mixed
  }
  return end
}

/** How well one colour is seen on the other, from 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

const WHITE: Rgb = [255, 255, 255]
const BLACK: Rgb = [0, 0, 0]

function paletteColour(number: number): Rgb {
  const named = NAMED[number]
  if (named) return named
  if (number >= 232) {
    const grey = 8 + 10 * (number - 232)
    return [grey, grey, grey]
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + 40 * step)
  const cube = number - 16
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)]
}

function luminance(rgb: Rgb): number {
  const [red, green, blue] = rgb.map(each => {
    const share = each / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
