// How old something is that another replica may have noted. Pure; every freshness is compared here.
//
// Decision: no age is below zero. What the clock of another replica puts a moment ahead has just happened, so that
// nobody is sent back to sign in by a second of difference; what lies further ahead than that has no age, and is
// never recent: it would stay so until the clock that is behind has caught up.

/** How far the clocks of replicas may be apart (docs/operate.md, "Clocks"), in seconds. */
export const CLOCK_SKEW_SECONDS = 5

/** Whether what happened at `sinceSeconds` (epoch seconds) is less than `maxAgeSeconds` old. Zero seconds: never. */
export const isWithin = (maxAgeSeconds: number, sinceSeconds: number, now: Date): boolean => {
  const ageSeconds = now.getTime() / 1000 - sinceSeconds
  return ageSeconds >= -CLOCK_SKEW_SECONDS && Math.max(ageSeconds, 0) < maxAgeSeconds
}
