import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/**
 * A TCP proxy that can hold back what clients send, from the first chunk on that `shouldHold` recognises: as
 * if the network had stalled at that very moment. `held` resolves when it does.
 */
export const startHoldingProxy = async (
  targetPort: number,
  shouldHold: (chunk: Buffer) => boolean,
): Promise<{ port: number; held: Promise<void>; stop: () => Promise<void> }> => {
  const sockets = new Set<Socket>()
  let holding = false
  const { promise: held, resolve } = Promise.withResolvers<void>()
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
      })
    }
    upstream.pipe(client)
    client.on('data', (chunk: Buffer) => {
      if (!holding && shouldHold(chunk)) {
        holding = true
        resolve()
      }
      if (!holding) upstream.write(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    port: address.port,
    held,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
