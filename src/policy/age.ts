// Whether something is recent, though another replica's clock may have noted its time. Pure; every age is compared here.
//
// Decision: no age is below zero. A time that is ahead by no more than the skew counts as now, so that a second of
// difference sends nobody back to sign in. A time further ahead is never recent: otherwise it would be recent until the
// clock that is behind has caught up.

/** How far the clocks of replicas may be apart (docs/operate.md, "Clocks"), in seconds. */
export const CLOCK_SKEW_SECONDS = 5

/** Whether `sinceSeconds` (epoch seconds) is less than `maxAgeSeconds` ago. With a maximum of zero: never. */
export const isWithin = (maxAgeSeconds: number, sinceSeconds: number, now: Date): boolean => {
  const ageSeconds = now.getTime() / 1000 - sinceSeconds
  return ageSeconds >= -CLOCK_SKEW_SECONDS && Math.max(ageSeconds, 0) < maxAgeSeconds
}
