// The goals of speed, each beside what was measured. Pure.

/** By CPU of a request: at least this share of Postern's is the floor's; at most this share is left of a version before. */
export const GOALS: Record<string, { ofFloor: number; ofBefore: number }> = {
  P1: { ofFloor: 0.6, ofBefore: 0.6 },
  P2: { ofFloor: 0.6, ofBefore: 1 / 3 },
  P3: { ofFloor: 0.6, ofBefore: 1 / 3 },
  P3r: { ofFloor: 0.6, ofBefore: 1 / 3 },
  P4: { ofFloor: 0.6, ofBefore: 0.6 },
}

export const percent = (share: number): string => `${(share * 100).toFixed(0)} %`

const marked = (text: string, missed: boolean): string => (missed ? `${text} MISSED` : text)

export const atLeastPercent = (share: number, goal: number): string =>
  marked(`${percent(share)}, goal ${percent(goal)}`, share < goal)

export const atMostPercent = (share: number, goal: number): string =>
  marked(`${percent(share)}, goal ${percent(goal)}`, share > goal)

export const atLeastTimes = (times: number, goal: number): string =>
  marked(`${times.toFixed(2)}, goal ${goal}`, times < goal)
