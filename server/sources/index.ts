/** The sources there are, by name. */
import { demo } from './demo.ts'
import { jsonl } from './jsonl.ts'
import { movielens } from './movielens.ts'
import type { Source, SourceOptions } from './source.ts'

/** Opens a source; `path` is the folder that holds its files. To add a source: one file, and one line here. */
export const sources = { demo, jsonl, movielens } satisfies Record<
  string,
  (path: string | undefined, options: SourceOptions) => Promise<Source>
>
export type SourceName = keyof typeof sources

export const sourceNames = Object.keys(sources) as SourceName[]

export const isSourceName = (name: string): name is SourceName => Object.hasOwn(sources, name)
