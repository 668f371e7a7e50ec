/**
 * Firefox by Marionette. Driven by WebDriver BiDi it watches for workers, so a worker that starts another one waits until that is
 * known; and the word of it wakes one of two threads that wait at the same place, which may be the other (Firefox 153: one first
 * hour in ten on a busy machine, and that page's device answered no more). No visitor's Firefox watches, and this one does not either.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Found } from './find.js'
import { connectMarionette } from './marionette.ts'
import { foundOf, start } from './program.ts'
import { answered, asked, CALL, callIt, PATIENCE_MS, type Tab } from './tab.ts'

/** Port 0: one that is free, which it writes into its profile. */
const PREFERENCES = 'user_pref("marionette.port", 0);\n'

export async function openFirefox({ executablePath }: Found): Promise<Tab> {
  /** What is to be undone, the newest first. */
  const undo: (() => unknown)[] = []
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const profile = await mkdtemp(join(tmpdir(), 'kindred-firefox-'))
    undo.push(() => rm(profile, { recursive: true, force: true }))
    await writeFile(join(profile, 'user.js'), PREFERENCES)
    const firefox = start(executablePath, ['--headless', '--marionette', '--no-remote', '--profile', profile])
    undo.push(() => firefox.kill())
    const file = join(profile, 'MarionetteActivePort')
    const port = await foundOf(firefox, () => portIn(file), 'Firefox ended before it could be driven.')
    const marionette = await connectMarionette(port)
    undo.push(() => marionette.close())
    const session = (await marionette.send('WebDriver:NewSession')) as {
      capabilities: { browserVersion: string }
    }
    await marionette.send('WebDriver:SetTimeouts', { script: PATIENCE_MS, pageLoad: 60_000 })
    const execute = async (script: string, ...args: unknown[]) => {
      const answer = await marionette.send('WebDriver:ExecuteAsyncScript', { script, args })
      return answered((answer as { value: unknown }).value)
    }
    return {
      version: `Firefox ${session.capabilities.browserVersion}`,
      goto: async (url) => void (await marionette.send('WebDriver:Navigate', { url })),
      evaluate: (name, ...args) => execute(asked(CALL), name, args),
      perform: (act, ...input) => execute(asked(callIt(act, input))) as Promise<never>,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Firefox writes a file of this name once it listens. */
async function portIn(file: string): Promise<number | undefined> {
  return Number(await readFile(file, 'utf8').catch(() => '')) || undefined
}
