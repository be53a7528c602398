#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// Files that this process makes are its user's alone (docs/security.md 45).
process.umask(0o077)

// Compiled once, a start is faster and takes 20 MB less. Kept with the program and not in the temporary
// folder, where another user could leave code of theirs; where that cannot be written to, nothing is lost.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/postern', import.meta.url)))

const { runCommandLine } = await import('./command-line/run-command-line.ts')
process.exitCode = await runCommandLine(process.argv.slice(2))
