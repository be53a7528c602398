// Group commit: what the requests of one turn of the event loop have to make durable is one statement. While it is on
// its way the next group fills.

type Waiting<Item> = { item: Item; settle: (stored: boolean) => void; fail: (error: unknown) => void }

/** `send` stores all of them, and answers with the ids of those that are stored. Each caller learns of its own. */
export const grouping = <Item extends { id: string }>(send: (items: Item[]) => Promise<Set<string>>) => {
  let waiting: Waiting<Item>[] = []
  let inFlight = false
  let scheduled = false

  const flush = () => {
    scheduled = false
    if (waiting.length === 0 || inFlight) return
    const group = waiting
    waiting = []
    inFlight = true
    send(group.map(({ item }) => item))
      .then(
        (stored) => {
          for (const { item, settle } of group) settle(stored.has(item.id))
        },
        (error: unknown) => {
          for (const { fail } of group) fail(error)
        },
      )
      .finally(() => {
        inFlight = false
        flush()
      })
  }

  return (item: Item): Promise<boolean> =>
    new Promise((settle, fail) => {
      waiting.push({ item, settle, fail })
      if (scheduled) return
      scheduled = true
      setImmediate(flush)
    })
}
