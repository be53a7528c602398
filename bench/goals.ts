// The goals of speed, each beside what was measured. Pure.

/**
 * By CPU of a request: at least this share of Postern's is the floor's; at most this share is left of a version before; so
 * many times Postern's is a peer's.
 */
export type Goals = { ofFloor?: number; ofBefore?: number; peerTimes?: number }

export const GOALS: Record<string, Goals> = {
  P1: { ofFloor: 0.6, ofBefore: 0.6 },
  P2: { ofFloor: 0.6, ofBefore: 1 / 3, peerTimes: 2 },
  P3: { ofFloor: 0.6, ofBefore: 1 / 3 },
  P3r: { ofFloor: 0.6, ofBefore: 1 / 3 },
  P4: { ofFloor: 0.6, ofBefore: 0.6 },
  O1: { ofFloor: 0.6, peerTimes: 1.5 },
  O2: { ofFloor: 0.6, peerTimes: 1.5 },
  O3: { ofFloor: 0.6, peerTimes: 2.5 },
  O4: { ofFloor: 0.6, peerTimes: 1.5 },
  O5: { ofFloor: 0.6, peerTimes: 1.5 },
  O6: { ofFloor: 0.6, peerTimes: 1.5 },
  S1: { ofFloor: 0.6 },
  S2: { ofFloor: 0.6 },
}

export const percent = (share: number): string => `${(share * 100).toFixed(0)} %`

const marked = (text: string, missed: boolean): string => (missed ? `${text} MISSED` : text)

const asTimes = (times: number): string => `${times.toFixed(2)} times`

const atLeastPercent = (share: number, goal: number | undefined): string =>
  goal === undefined ? percent(share) : marked(`${percent(share)}, goal ${percent(goal)}`, share < goal)

const atMostPercent = (share: number, goal: number | undefined): string =>
  goal === undefined ? percent(share) : marked(`${percent(share)}, goal ${percent(goal)}`, share > goal)

const atLeastTimes = (times: number, goal: number | undefined): string =>
  goal === undefined ? asTimes(times) : marked(`${asTimes(times)}, goal ${goal}`, times < goal)

/** What another's CPU is of Postern's (`share`), beside the goal. */
export const besideGoal = (scenario: string, contestant: string, share: number): string => {
  const { ofFloor, ofBefore, peerTimes } = GOALS[scenario] ?? {}
  if (contestant === 'floor') return atLeastPercent(share, ofFloor)
  if (contestant === 'before') return atMostPercent(1 / share, ofBefore)
  return atLeastTimes(share, peerTimes)
}
