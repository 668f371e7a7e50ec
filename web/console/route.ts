/** Which view of the console the address names. */

export type Route =
  | { view: 'releases' }
  | { view: 'add'; task?: string; version?: number }
  | { view: 'tasks' }
  | { view: 'task'; task: string }
  | { view: 'diff'; task: string; older: number; newer: number }
  | { view: 'devices' }
  | { view: 'experiments' }
  | { view: 'begin' }
  | { view: 'experiment'; id: number }
  | { view: 'health' }
  | { view: 'ledger'; to?: number }

const NAME = '[a-z][a-z0-9-]*'
const NUMBER = '[1-9]\\d{0,8}'
type Parts = readonly string[]

const routes: readonly (readonly [pattern: string, route: (parts: Parts) => Route])[] = [
  ['tasks', () => ({ view: 'tasks' })],
  [`tasks/(${NAME})`, ([task]) => ({ view: 'task', task: task! })],
  [
    `tasks/(${NAME})/(${NUMBER})/from/(${NUMBER})`,
    ([task, newer, older]) => ({ view: 'diff', task: task!, newer: Number(newer), older: Number(older) }),
  ],
  ['release', () => ({ view: 'add' })],
  [
    `release/(${NAME})/(${NUMBER})`,
    ([task, version]) => ({ view: 'add', task: task!, version: Number(version) }),
  ],
  ['devices', () => ({ view: 'devices' })],
  ['experiments', () => ({ view: 'experiments' })],
  ['experiments/new', () => ({ view: 'begin' })],
  [`experiments/(${NUMBER})`, ([id]) => ({ view: 'experiment', id: Number(id) })],
  ['health', () => ({ view: 'health' })],
  ['ledger', () => ({ view: 'ledger' })],
  [`ledger/(${NUMBER})`, ([to]) => ({ view: 'ledger', to: Number(to) })],
]

/** `#/tasks/rank/2/from/1` → what v2 of rank has over v1. What names no view is that of the releases. */
export function routeOf(hash: string): Route {
  for (const [pattern, route] of routes) {
    const found = new RegExp(`^#/${pattern}$`).exec(hash)
    if (found) return route(found.slice(1))
  }
  return { view: 'releases' }
}

export const taskHref = (task: string): string => `#/tasks/${task}`
export const diffHref = (task: string, newer: number, older: number): string =>
  `#/tasks/${task}/${newer}/from/${older}`
export const releaseHref = (task: string, version: number): string => `#/release/${task}/${version}`
export const experimentHref = (id: number): string => `#/experiments/${id}`
