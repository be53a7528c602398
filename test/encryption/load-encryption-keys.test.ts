import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { emptyFolder, shell } from '../support/install.ts'

const PROGRAM = `
  const { loadEncryptionKeys } = await import("./src/encryption/load-encryption-keys.ts")
  const { randomBytes } = await import("node:crypto")
  const config = { encryptionKeys: null, dataDir: process.argv[1] }
  await loadEncryptionKeys(config, { query: async () => [] }, randomBytes)`

type TraceEvent = { name: string; ph: string }

/** What Node asks of the file system while the key file is made, in order, as its own trace has it. */
const fileOperations = async (folder: string): Promise<string[]> => {
  const trace = join(folder, 'trace.json')
  const options = `--trace-event-categories=node.fs.async --trace-event-file-pattern=${trace}`
  await shell(`node ${options} --input-type=module --eval '${PROGRAM}' ${join(folder, 'data')}`, '.')
  const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8')) as { traceEvents: TraceEvent[] }
  return traceEvents.filter(({ ph }) => ph === 'b').map(({ name }) => name)
}

t.test('a key is on the disk, and so is its name, before anything is sealed with it', async (t) => {
  const operations = (await fileOperations(await emptyFolder(t))).join(' ')
  t.match(operations, /write fsync close link (\w+ )*unlink open fsync close/)
})
