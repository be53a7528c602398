import { setTimeout as sleep } from 'node:timers/promises'

/** Whether `holds` becomes true within `milliseconds`. */
export const eventually = async (
  milliseconds: number,
  holds: () => boolean | Promise<boolean>,
): Promise<boolean> => {
  for (const end = performance.now() + milliseconds; performance.now() < end; await sleep(10)) {
    if (await holds()) return true
  }
  return holds()
}
