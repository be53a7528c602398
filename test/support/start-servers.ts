// tap's `before`: begins to start the shared servers. Tests that use them wait for them.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const keeper = fileURLToPath(new URL('keep-servers.ts', import.meta.url))
spawn(process.execPath, [keeper, `${process.ppid}`], { detached: true, stdio: 'ignore' }).unref()
