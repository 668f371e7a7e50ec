/** The sources there are, by name. */
import { demo } from './demo.ts'
import { globo } from './globo.ts'
import { jsonl } from './jsonl.ts'
import { movielens } from './movielens.ts'
import { sequences } from './sequences.ts'
import type { Source, SourceOptions } from './source.ts'

/** Opens a source; `path` is the folder that holds its files, or the file. To add a source: one file, and one line here. */
export const sources = { demo, globo, jsonl, movielens, sequences } satisfies Record<
  string,
  (path: string | undefined, options: SourceOptions) => Promise<Source>
>
export type SourceName = keyof typeof sources

export const sourceNames = Object.keys(sources) as SourceName[]

export const isSourceName = (name: string): name is SourceName => Object.hasOwn(sources, name)
