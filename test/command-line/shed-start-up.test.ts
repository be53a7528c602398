import t from 'tap'
import { shell } from '../support/install.ts'

// Kept alive by a timer, as a server is by its socket.
const PROGRAM = `
  const { shedStartUp } = await import("./src/command-line/shed-start-up.ts")
  const alive = setTimeout(() => {}, 60_000)
  await shedStartUp({ warn: (members, message) => console.log(JSON.stringify(members), message) })
  clearTimeout(alive)
  console.log("goes on")`

const run = (options: string): Promise<string> =>
  shell(`node ${options} --input-type=module --eval '${PROGRAM}'`, '.')

t.test('where Node has no inspector, that is logged and Postern goes on', async (t) => {
  t.match(
    await run('--permission --allow-fs-read=*'),
    /^\{"reason":.*\} the memory of the start.*\ngoes on\n$/,
  )
})

t.test('where it has one, nothing is logged', async (t) => {
  t.equal(await run(''), 'goes on\n')
})
