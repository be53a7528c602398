// What the container files say; test/release/image.test.ts builds the image and runs it.
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'
import { VARIABLES } from '../src/config.ts'
import { lastValue, parseDockerfile, type Stage } from './support/dockerfile.ts'

const stages = parseDockerfile(await readFile('Dockerfile', 'utf8'))
const image = stages.at(-1) as Stage

type Service = {
  environment: Record<string, string | number>
  secrets?: string[]
  volumes: string[]
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: object
}
type Compose = {
  services: Record<'postern' | 'postgres' | 'redis', Service>
  secrets: Record<string, { file: string }>
  volumes: Record<string, null>
}

const isVariable = (name: string): boolean => name.replace(/_FILE$/, '') in VARIABLES

t.test('the image has no devDependencies, and does not run as root', async (t) => {
  t.match(stages.find(({ name }) => name === 'dependencies')?.instructions, [
    {},
    {},
    { name: 'RUN', value: 'npm ci --omit=dev' },
  ])
  t.equal(lastValue(image, 'USER'), 'node')
  t.ok(stages.every(({ from }) => from === 'node:26-slim'))
})

t.test('the image sets variables that Postern knows', async (t) => {
  const names = [...lastValue(image, 'ENV').matchAll(/(\w+)=/g)].map(([, name = '']) => name)
  t.same(
    names.filter((name) => !isVariable(name)),
    ['NODE_ENV'],
  )
})

t.test('the compose file', async (t) => {
  const text = await readFile('compose.yaml', 'utf8')
  const { services, secrets, volumes } = parse(text, { merge: true }) as Compose

  t.test('sets variables that Postern knows', async (t) => {
    t.same(
      Object.keys(services.postern.environment).filter((name) => !isVariable(name)),
      [],
    )
    t.notMatch(text, /\$\{/, 'and interpolates none')
  })

  t.test('declares each secret and volume that is used, and how each secret is made', async (t) => {
    for (const service of Object.values(services)) {
      for (const secret of service.secrets ?? []) {
        t.ok(secret in secrets, secret)
        t.ok(text.includes(`> ${secrets[secret]?.file}`), secret)
      }
      for (const volume of service.volumes) t.ok((volume.split(':')[0] ?? '') in volumes, volume)
      for (const [name, value] of Object.entries(service.environment ?? {}))
        if (name.endsWith('_FILE'))
          t.ok(service.secrets?.includes(String(value).replace('/run/secrets/', '')), name)
    }
  })

  t.test('starts Postern when its servers are healthy', async (t) => {
    t.same(services.postern.depends_on, {
      postgres: { condition: 'service_healthy' },
      redis: { condition: 'service_healthy' },
    })
    t.ok(services.postgres.healthcheck)
    t.ok(services.redis.healthcheck)
  })

  t.test('gives no container more than it needs', async (t) => {
    for (const [name, service] of Object.entries(services)) {
      t.equal(service.read_only, true, name)
      t.same(service.cap_drop, ['ALL'], name)
      t.same(service.security_opt, ['no-new-privileges:true'], name)
    }
  })
})

t.test('.env.example has every variable, and no other', async (t) => {
  const names = [...(await readFile('.env.example', 'utf8')).matchAll(/^#([A-Z_]+)=/gm)].map(
    ([, name]) => name,
  )
  t.same(names, Object.keys(VARIABLES))
})
