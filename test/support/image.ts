// Postern's image, built by buildah and run by podman: as root, in a storage of the test's own, and in a machine that
// may be a container itself (no cgroups, no seccomp, no raised limits, no network but the host's).
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { emptyFolder, shell, strangersEnvironment } from './install.ts'
import { findProgram } from './server-process.ts'

const run = promisify(execFile)
// A machine that is a container may not raise the limits, which podman would.
const SANDBOX = [
  '--cgroups=disabled',
  '--network=host',
  '--security-opt=seccomp=unconfined',
  '--ulimit=nofile=4096:4096',
  '--ulimit=nproc=4096:4096',
]
const NEEDED = ['buildah', 'podman', 'debootstrap']

/**
 * Why the image cannot be built here, as tap's `skip` takes it; false where it can.
 * @throws {Error} it cannot, and `REQUIRE_SERVERS=1` is set.
 */
export const missingForImage = (): string | false => {
  const missing = NEEDED.filter((name) => findProgram(name) === null)
  if (process.getuid?.() !== 0) missing.push('root')
  if (missing.length === 0) return false
  const reason = `skipped: the image is neither built nor run, for want of ${missing.join(', ')}`
  if (process.env.REQUIRE_SERVERS === '1') throw new Error(reason)
  return reason
}

/** Where the base image's npm finds what this machine's npm has downloaded, and whom it trusts. */
const npmSettings = async (): Promise<{ cache: string; registry: string; cafile: string | null }> => {
  const read = async (name: string) => (await shell(`npm config get ${name}`, '.')).trim()
  const cafile = process.env.NODE_EXTRA_CA_CERTS ?? (await read('cafile'))
  return {
    cache: await read('cache'),
    registry: await read('registry'),
    cafile: cafile === 'null' ? null : cafile,
  }
}

/** The folder of this machine's npm, because images of Debian have none. */
const npmFolder = async (): Promise<string> =>
  dirname(dirname((await shell('realpath "$(command -v npm)"', '.')).trim()))

const CACHE = '/npm-cache'
const CA_FILE = '/npm-cafile'
const RELEASE = 'bookworm'

/** Where this machine's apt has that release from; Debian's own address where it is of another. */
const mirror = async (): Promise<string> => {
  const targets = await shell("apt-get indextargets --format '$(RELEASE) $(REPO_URI)'", '.').catch(() => '')
  const found = targets.split('\n').find((line) => line.startsWith(`${RELEASE} `))
  return found?.slice(RELEASE.length + 1) ?? 'http://deb.debian.org/debian'
}

/** The parts of `node:26-slim` that the Dockerfile relies on: Debian, Node, npm, and the user `node`. */
const makeBaseSystem = async (folder: string): Promise<void> => {
  const options = '--variant=minbase --include=ca-certificates,libatomic1,libstdc++6'
  await shell(`debootstrap ${options} ${RELEASE} '${folder}' '${await mirror()}'`, '.')
  const local = join(folder, 'usr/local')
  cpSync(resolve('node_modules/node/bin/node'), join(local, 'bin/node'))
  mkdirSync(join(local, 'lib/node_modules'), { recursive: true })
  cpSync(await npmFolder(), join(local, 'lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'))
  await shell(`chroot '${folder}' useradd --uid 1000 --user-group --create-home node`, '.')
}

/**
 * A mount namespace without cgroup2, until the test ends: crun refuses a machine that has both kinds of cgroups, even
 * for a container without any. Returns what runs a command in it.
 */
const openNamespace = async (t: Test): Promise<string[]> => {
  const script = 'umount --recursive /sys/fs/cgroup/unified 2>/dev/null; echo made; exec cat'
  const holder = spawn('unshare', ['--mount', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => holder.stdin.end())
  await once(holder.stdout, 'data')
  return ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`]
}

export type Engine = {
  /** Starts a container of an image, and gives its id. */
  start: (image: string, variables: Record<string, string>, ...options: string[]) => Promise<string>
  /** Runs podman over this storage, and gives what it printed. */
  podman: (...args: string[]) => Promise<string>
  /** Builds the repository's Dockerfile, with the base image of that name made here. */
  build: (baseImage: string, image: string) => Promise<void>
}

/** Opens a storage for images and containers, which is emptied and removed after the test. */
export const openEngine = async (t: Test): Promise<Engine> => {
  const folder = await emptyFolder(t)
  const storage = [
    ...['--storage-driver', 'vfs', '--root', join(folder, 'storage'), '--runroot', join(folder, 'run')],
  ]
  const options = { env: strangersEnvironment(), maxBuffer: 16 * 1024 * 1024 }
  const [enter = '', ...namespace] = await openNamespace(t)
  const podman = async (...args: string[]) =>
    (await run(enter, [...namespace, 'podman', ...storage, ...args], options)).stdout
  const buildah = (...args: string[]) => run('buildah', [...storage, ...args], options)
  t.teardown(async () => {
    await podman('rm', '--all', '--force', '--time', '0')
    await podman('rmi', '--all', '--force')
  })
  return {
    podman,
    async start(image, variables, ...more) {
      const environment = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`])
      return (await podman('run', '--detach', ...SANDBOX, ...more, ...environment, image)).trim()
    },
    async build(baseImage, image) {
      const system = join(folder, 'system')
      const { cache, registry, cafile } = await npmSettings()
      await makeBaseSystem(system)
      // Only in the base image, for the build: the environment of the image has nothing of it.
      const npmrc = { cache: CACHE, registry, 'prefer-offline': 'true', ...(cafile && { cafile: CA_FILE }) }
      const lines = Object.entries(npmrc).map(([name, value]) => `${name}=${value}\n`)
      writeFileSync(join(system, 'usr/local/etc/npmrc'), lines.join(''))
      await shell(`tar -C '${system}' -c . | podman ${storage.join(' ')} import - '${baseImage}'`, '.')
      await shell(`rm -rf '${system}'`, '.')
      const volumes = [`${cache}:${CACHE}`, ...(cafile ? [`${cafile}:${CA_FILE}:ro`] : [])]
      await buildah(
        'bud',
        ...[
          '--format',
          'docker',
          '--isolation',
          'chroot',
          '--network',
          'host',
          '--pull-never',
          '--layers=false',
        ],
        ...volumes.flatMap((volume) => ['--volume', volume]),
        ...['--tag', image, resolve('.')],
      )
    },
  }
}
