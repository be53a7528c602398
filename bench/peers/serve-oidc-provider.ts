// oidc-provider, served by Koa, which it is made of, on node:http.
import { openOidcProvider } from './oidc-provider.ts'

const { PORT, REDIS_URL = '', OIDC_KEY = '' } = process.env

const { provider } = openOidcProvider('http://localhost:8400', REDIS_URL, JSON.parse(OIDC_KEY))
provider.listen(Number(PORT), '127.0.0.1')
process.once('SIGTERM', () => process.exit(0))
