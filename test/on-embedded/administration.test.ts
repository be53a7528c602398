import t from 'tap'
import { runOnEmbedded } from '../support/embedded.ts'

await runOnEmbedded(t, 'test/administration/**/*.test.ts')
