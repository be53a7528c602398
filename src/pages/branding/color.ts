// The operator's colour: whether white text is readable on it, and what it is on a dark ground. Pure.

type Channels = [red: number, green: number, blue: number]

/** WCAG 2.2, 1.4.3: of text with what it is on. */
const READABLE = 4.5

/** On a dark ground the colour is that of links and small signs as well. */
const READABLE_WELL = 7

const WHITE: Channels = [255, 255, 255]
const DARK_CARD: Channels = [22, 25, 32]

/** A step towards white: so many percent of the way. */
const STEP_PERCENT = 5

const channelsOf = (color: string): Channels | null => {
  const [, red, green, blue] = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color) ?? []
  if (red === undefined || green === undefined || blue === undefined) return null
  return [Number.parseInt(red, 16), Number.parseInt(green, 16), Number.parseInt(blue, 16)]
}

/** Relative luminance, as WCAG 2.2 defines it. */
const luminance = (channels: Channels): number => {
  const [red = 0, green = 0, blue = 0] = channels.map((channel) => {
    const part = channel / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

const contrast = (one: Channels, other: Channels): number => {
  const [a, b] = [luminance(one), luminance(other)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** What is wrong with it; null: nothing. */
export const colorProblem = (color: string): string | null => {
  const channels = channelsOf(color)
  if (channels === null) return 'it is no #rrggbb'
  const found = contrast(channels, WHITE)
  // Rounded down: 4.49 is not shown as 4.5.
  return found >= READABLE
    ? null
    : `white text on it has a contrast of ${Math.floor(found * 10) / 10}:1, and ${READABLE}:1 is needed`
}

const lighter = (channels: Channels): Channels => {
  const up = (channel: number) =>
    Math.min(255, channel + Math.max(1, Math.round(((255 - channel) * STEP_PERCENT) / 100)))
  return [up(channels[0]), up(channels[1]), up(channels[2])]
}

const onDark = (channels: Channels): Channels => {
  let lightened = channels
  while (contrast(lightened, DARK_CARD) < READABLE_WELL) lightened = lighter(lightened)
  return lightened
}

const hex = (channels: Channels): string =>
  `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`

/** What the end of the style sheet says of a colour that `colorProblem` has nothing against. */
export const colorRules = (color: string): string => {
  const channels = channelsOf(color)
  if (channels === null) return ''
  return `
:root { --brand: ${hex(channels)}; }
@media (prefers-color-scheme: dark) { :root { --brand: ${hex(onDark(channels))}; } }
`
}
