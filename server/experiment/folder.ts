/** What a run is about, written into its folder: rows of two experiments must not meet in one file. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { AppError, parse } from '../../shared/failure.ts'
import { replaceFile } from '../cloud/files.ts'

const runSchema = z.strictObject({
  /** What all rows have in common. */
  about: z.record(z.string(), z.unknown()),
  /** What each arm was when its first row was made. */
  arms: z.record(z.string(), z.unknown()),
})

/** Throws `bad-input` where the folder holds another experiment, or an arm of the same name that is not the same. */
export function claimFolder(
  dir: string,
  about: z.infer<typeof runSchema>['about'],
  arms: readonly { name: string }[],
): void {
  mkdirSync(dir, { recursive: true })
  const file = join(dir, 'run.json')
  const before = existsSync(file)
    ? parse(runSchema, JSON.parse(readFileSync(file, 'utf8')), file)
    : { about: plain(about), arms: {} }
  if (!same(before.about, about))
    throw new AppError('bad-input', `${dir} holds another experiment: ${JSON.stringify(before.about)}.`)
  for (const arm of arms)
    if (before.arms[arm.name] !== undefined && !same(before.arms[arm.name], arm))
      throw new AppError(
        'bad-input',
        `The arm ${arm.name} was another when ${dir} was begun: take a new folder.`,
      )
  const all = { ...before.arms, ...Object.fromEntries(arms.map((arm) => [arm.name, arm])) }
  replaceFile(file, (beside) => writeFileSync(beside, JSON.stringify({ about: before.about, arms: all })))
}

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
const same = (one: unknown, other: unknown): boolean =>
  JSON.stringify(plain(one)) === JSON.stringify(plain(other))
