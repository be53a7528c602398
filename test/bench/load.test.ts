import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { httpRequest } from '../../bench/connection.ts'
import { each, load, loadAtRate, refuseFailures } from '../../bench/load.ts'

const serve = async (t: Test, listener: RequestListener): Promise<number> => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

const asks = (count: number): Buffer[] => Array.from({ length: count }, (_, i) => httpRequest(`GET /${i}`))

t.test('every request is sent once, over all ports alike', async (t) => {
  const seen: string[][] = [[], []]
  const ports = await Promise.all(
    seen.map((urls) =>
      serve(t, ({ url = '' }, answer) => {
        urls.push(url)
        answer.end('yes')
      }),
    ),
  )
  const answers = await load({ ports, connections: 4, expected: ['yes'] }, each(asks(40)))
  t.equal(new Set(seen.flat()).size, 40)
  t.ok(seen.every((urls) => urls.length > 0))
  t.same([...answers.statuses], [[200, 40]])
  t.equal(answers.latenciesMs.length, 40)
  t.doesNotThrow(() => refuseFailures(answers, 'P9'))
})

t.test('an answer that fails, and one that lacks what it must have, are refused', async (t) => {
  const port = await serve(t, ({ url }, answer) => {
    answer.statusCode = url === '/3' ? 503 : 200
    answer.end('something else')
  })
  const target = { ports: [port], connections: 2, expected: [] }
  const failed = await load(target, each(asks(5)))
  t.throws(() => refuseFailures(failed, 'P9'), { message: 'P9: answers that are not 200: [[503,1]]' })
  const lacking = await load({ ...target, expected: ['token'] }, each(asks(3)))
  t.throws(() => refuseFailures(lacking, 'P9'), { message: 'P9: 3 answers lack what they must have' })
})

t.test('an answer in chunks is read to its end', async (t) => {
  const port = await serve(t, async (_request, answer) => {
    answer.write('first')
    await sleep(5)
    answer.end('last')
  })
  const answers = await load({ ports: [port], connections: 1, expected: ['first', 'last'] }, each(asks(3)))
  t.equal(answers.incomplete, 0)
})

t.test('at a rate, waiting for a server that is too slow is counted', async (t) => {
  const port = await serve(t, async (_request, answer) => {
    await sleep(10)
    answer.end()
  })
  // Due within some 20 ms, answered within 200 at the earliest.
  const answers = await loadAtRate({ ports: [port], connections: 1, expected: [] }, asks(20), 1000)
  t.same([...answers.statuses], [[200, 20]])
  t.ok(Math.max(...answers.latenciesMs) > 100)
})

t.test('at a rate, a server that closes its connections ends the load', async (t) => {
  const port = await serve(t, (request) => request.socket.destroy())
  const loading = loadAtRate({ ports: [port], connections: 1, expected: [] }, asks(2), 1000)
  await t.rejects(loading, { message: 'the server has closed a connection' })
})
