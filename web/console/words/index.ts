/** What the console says: words of its own, in the language that the app speaks. */
import { beginSpeaking, language } from '../../strings/index.ts'
import { en, type Words } from './en.ts'

/** The words now. Read it when something is drawn, never before. */
export let t: Words = en

/** English stays where another language cannot be loaded. */
export async function beginWords(): Promise<void> {
  await beginSpeaking()
  t = language() === 'de' ? await german() : en
}

const german = (): Promise<Words> =>
  import('./de.ts').then(
    ({ de }) => de,
    () => en,
  )
