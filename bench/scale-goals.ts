// The goals of scaling, and the table of the results. Pure.

export type Goal = {
  /** No median may be above this. */
  limitMs: number
  /** Growth between two sizes that is allowed for the machine: its other work, and caches that hold a smaller share. */
  toleranceMs: number
}

/** Medians of one case, in milliseconds, in the order of the sizes. */
export type Measured = { name: string; medianMs: number[] }

/** Why a case has missed its goal, one line each: slower than the limit, or growing faster than the logarithm. */
export const missesOf = (sizes: readonly number[], { name, medianMs }: Measured, goal: Goal): string[] => {
  const [smallest = 1] = sizes
  const [base = 0] = medianMs
  return medianMs.flatMap((ms, i) => {
    const size = sizes[i] ?? smallest
    const allowedMs = base * (Math.log(size) / Math.log(smallest)) + goal.toleranceMs
    const at = `${name}, ${size} accounts: ${ms.toFixed(1)} ms`
    return [
      ...(ms > goal.limitMs ? [`${at}, of ${goal.limitMs} at most`] : []),
      ...(ms > allowedMs ? [`${at}, of ${allowedMs.toFixed(1)} by the logarithm`] : []),
    ]
  })
}
