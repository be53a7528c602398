// Group commit: what the requests of one turn of the event loop have to make durable, or to read, is one statement.
// While it is on its way the next group fills.

type Waiting<Item, Outcome> = {
  item: Item
  settle: (outcome: Outcome | undefined) => void
  fail: (error: unknown) => void
}

/** `send` asks for all of them, and answers with the outcomes by id. Each caller learns of its own. */
export const grouping = <Item extends { id: string }, Outcome>(
  send: (items: Item[]) => Promise<Map<string, Outcome>>,
) => {
  let waiting: Waiting<Item, Outcome>[] = []
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
        (outcomes) => {
          for (const { item, settle } of group) settle(outcomes.get(item.id))
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

  return (item: Item): Promise<Outcome | undefined> =>
    new Promise((settle, fail) => {
      waiting.push({ item, settle, fail })
      if (scheduled) return
      scheduled = true
      setImmediate(flush)
    })
}
