// tap's `after`: ends the shared servers, and waits until they are gone.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sharedServersFolder } from './servers.ts'

const folder = sharedServersFolder(process.ppid)
const keeper = join(folder, 'keeper')
if (existsSync(keeper)) process.kill(Number(readFileSync(keeper, 'utf8')), 'SIGTERM')
while (existsSync(folder)) await sleep(20)
