// A Dockerfile's steps, run in folders of their own: one a stage, its WORKDIR the folder itself.
import { cp, mkdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { shell } from './install.ts'

export type Instruction = { name: string; value: string }
export type Stage = { name: string; from: string; instructions: Instruction[] }

/** The stages of a Dockerfile, in order; comments dropped, continued lines joined. */
export const parseDockerfile = (text: string): Stage[] => {
  const stages: Stage[] = []
  const lines = text.replace(/^\s*#.*\n/gm, '').replace(/\\\n/g, ' ')
  for (const line of lines.split('\n').filter((line) => line.trim() !== '')) {
    const [, name = '', value = ''] = /^\s*([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (name !== 'FROM') {
      stages.at(-1)?.instructions.push({ name, value })
      continue
    }
    const [from = '', , stage = `${stages.length}`] = value.split(/\s+/)
    stages.push({ name: stage, from, instructions: [] })
  }
  return stages
}

/** The value of a stage's last instruction of that name. */
export const lastValue = (stage: Stage, name: string): string =>
  stage.instructions.findLast((instruction) => instruction.name === name)?.value ?? ''

/** The sources and the destination of a COPY, and the stage it copies from. */
export const parseCopy = (value: string): { from: string | null; sources: string[]; destination: string } => {
  const words = value.split(/\s+/)
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length) ?? null
  const paths = words.filter((word) => !word.startsWith('--'))
  return { from, sources: paths.slice(0, -1), destination: paths.at(-1) ?? '.' }
}

const isFolder = async (path: string): Promise<boolean> => (await stat(path)).isDirectory()

/** As COPY does: a folder's content into the destination, a file into it or by its name. */
const copyOne = async (source: string, destination: string, intoFolder: boolean): Promise<void> => {
  const target = intoFolder && !(await isFolder(source)) ? join(destination, basename(source)) : destination
  await cp(source, target, { recursive: true, verbatimSymlinks: true })
}

/**
 * Runs COPY and RUN of one stage in `root/<stage>`; what `context` says of a path is where COPY finds it.
 * RUN is left out where `runs` is false, for stages whose commands would reach outside of their folder.
 */
export const buildStage = async (
  stage: Stage,
  at: { root: string; context: string; workdir: string; runs: 'run' | 'copy only' },
): Promise<void> => {
  const folder = join(at.root, stage.name)
  await mkdir(folder, { recursive: true })
  for (const { name, value } of stage.instructions) {
    if (name === 'RUN' && at.runs === 'run') await shell(value, folder)
    if (name !== 'COPY') continue
    const { from, sources, destination } = parseCopy(value)
    for (const source of sources) {
      const path =
        from === null ? join(at.context, source) : join(at.root, from, source.slice(at.workdir.length))
      await copyOne(path, join(folder, destination), destination.endsWith('/') || sources.length > 1)
    }
  }
}
