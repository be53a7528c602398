// Compiles src/ to dist/, for the npm package and the image: Node strips no types under node_modules.
// Files that the code finds relative to `import.meta.url` are at the same place relative to dist/ as to src/: Lua, and
// what browsers load, beside the module that reads it, sql/ one folder up.
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, globSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const EXECUTABLE = 0o755

rmSync('dist', { recursive: true, force: true })

const { status } = spawnSync('tsc', ['--project', 'tsconfig.build.json'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

for (const file of globSync(['src/**/*.lua', 'src/pages/assets/*'])) {
  const copy = join('dist', relative('src', file))
  mkdirSync(dirname(copy), { recursive: true })
  copyFileSync(file, copy)
}

chmodSync('dist/main.js', EXECUTABLE)
