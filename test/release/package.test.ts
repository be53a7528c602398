import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import { emptyFolder, serve, shell } from '../support/install.ts'

t.test('the packed package serves from a folder that has nothing else', async (t) => {
  const packed = await emptyFolder(t)
  await shell(`npm pack --pack-destination '${packed}'`, resolve('.'))
  const [tarball = ''] = await readdir(packed)

  const folder = await emptyFolder(t)
  await shell(
    `npm install --omit=dev --no-audit --no-fund --prefer-offline '${join(packed, tarball)}'`,
    folder,
  )

  const served = await serve(join(folder, 'node_modules/.bin/postern'), ['serve'], {
    cwd: folder,
    env: { POSTERN_DATA_DIR: join(folder, 'data') },
    readyWithinMs: 60_000,
  })
  t.same(await served.stop(), { code: 0, signal: null }, 'stops by itself', { output: served.output() })
})
