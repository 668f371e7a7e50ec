/** The language that the page speaks: `t` has its strings, and is read wherever something is drawn. */
import { createStore } from '../store.ts'
import { en, type Strings } from './en.ts'

export interface Language {
  /** What `?lang` and the stored choice say. */
  readonly tag: string
  /** For Intl and `<html lang>`. */
  readonly locale: string
  readonly dir: 'ltr' | 'rtl'
  /** In itself; null where it is not offered. */
  readonly name: string | null
  readonly load: () => Promise<Strings>
}

/** English is there at once; every other language is loaded when it is spoken. */
export const languages: readonly Language[] = [
  { tag: 'en', locale: 'en', dir: 'ltr', name: 'English', load: async () => en },
  { tag: 'de', locale: 'de', dir: 'ltr', name: 'Deutsch', load: async () => (await import('./de.ts')).de },
  // For tests of the layout.
  {
    tag: 'x-rtl',
    locale: 'en-x-rtl',
    dir: 'rtl',
    name: null,
    load: async () => (await import('./pseudo.ts')).pseudo,
  },
]
const KEY = 'kindred:language'

/** The strings now. Read it when something is drawn, never before: it changes with the language. */
export let t: Strings = en
/** What is spoken now; whoever draws watches it. */
export const spoken = createStore<Language>(languages[0]!)
/** The locale for Intl. */
export const language = (): string => spoken.get().locale

/** The language to begin with: asked for in the address, chosen before, or the first of the user's that there is. */
export function languageFor(query: string, stored: string | null, preferred: readonly string[]): Language {
  const known = (tag: string | null) => languages.find((language) => language.tag === tag)
  const offered = preferred
    .map((tag) => known(tag.toLowerCase().split('-')[0]!))
    .find((language) => language?.name)
  return known(new URLSearchParams(query).get('lang')) ?? known(stored) ?? offered ?? languages[0]!
}

/** What the user chose; null: as the browser has it. */
export function chosenLanguage(): string | null {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null // where storage is forbidden, nothing was chosen
  }
}

/** Speaks a language from now on, and at the next visit; null: as the browser has it. */
export function speak(tag: string | null): Promise<void> {
  try {
    if (tag === null) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, tag)
  } catch {
    // It holds for this visit then.
  }
  return use(languageFor(tag === null ? '' : `?lang=${tag}`, null, navigator.languages))
}

/** Speaks as `languageFor` says. English stays where another language cannot be loaded. */
export const beginSpeaking = (): Promise<void> =>
  use(languageFor(location.search, chosenLanguage(), navigator.languages)).catch(() => {})

let asked = 0
async function use(language: Language): Promise<void> {
  const number = ++asked
  const strings = await language.load()
  if (number !== asked) return // another was chosen meanwhile
  t = strings
  document.documentElement.lang = language.locale
  document.documentElement.dir = language.dir
  spoken.set(language)
}
