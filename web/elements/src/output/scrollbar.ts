/** A scrollbar for what is too long to be there as a whole. */

/** Pixels that its thumb is high at least. */
const LEAST = 32

/** Let *thumb* show which part of *total* can be seen. */
export function drawThumb(
  track: HTMLElement,
  thumb: HTMLElement,
  [from, to]: readonly [from: number, to: number],
  total: number,
): void {
  const height = track.clientHeight
  const length = Math.min(height, Math.max(LEAST, (height * (to - from)) / (total || 1)))
  const hidden = total - (to - from)
  const share = hidden > 0 ? Math.min(1, from / hidden) : 0
  thumb.style.height = `${length}px`
  thumb.style.translate = `0 ${share * (height - length)}px`
}

/**
 * Follow the pointer that has gone down on *track* until it goes up.
 *
 * *go* is called with how far down it is, from 0 to 1; not again before it has come to an end.
 */
export function grab(
  event: PointerEvent,
  track: HTMLElement,
  thumb: HTMLElement,
  go: (share: number) => Promise<void>,
): void {
  if (event.button !== 0) return
  event.preventDefault()
  track.setPointerCapture(event.pointerId)
  const {top, height, bottom} = thumb.getBoundingClientRect()
  const isThumb = event.clientY >= top && event.clientY <= bottom
  const grip = isThumb ? event.clientY - top : height / 2
  let wanted: number | null = null
  let isBusy = false

  const move = async ({clientY}: PointerEvent) => {
    const box = track.getBoundingClientRect()
    const share = (clientY - grip - box.top) / Math.max(1, box.height - height)
    wanted = Math.min(1, Math.max(0, share))
    if (isBusy) return
    isBusy = true
    try {
      for (let next: number | null = wanted; next !== null; next = wanted) {
        wanted = null
        await go(next)
      }
    } finally {
      isBusy = false
    }
  }

  const stop = new AbortController()
  const {signal} = stop
  track.addEventListener("pointermove", each => void move(each), {signal})
  track.addEventListener("lostpointercapture", () => stop.abort(), {signal})
  void move(event)
}
