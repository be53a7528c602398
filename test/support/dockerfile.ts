// What a Dockerfile says.

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
