/** What all reports are put together from. */
import { html, raw } from 'hono/html'
import type { Html } from './words.ts'

/** Of arms, for what is known by name; others take what is left, in order. */
const COLORS: Readonly<Record<string, string>> = {
  cloud: 'var(--plain)',
  kindred: 'var(--pine)',
  coda: 'var(--ochre)',
  local: 'var(--blue)',
  'local-pull': 'var(--plum)',
  'cloud-hourly': 'var(--teal)',
  random: 'var(--moss)',
  'coda-random': 'var(--moss)',
}
const OTHERS = ['var(--teal)', 'var(--clay)', 'var(--moss)', 'var(--plum)', 'var(--ochre)', 'var(--blue)']

export const colorOf = (arm: string, place: number): string => COLORS[arm] ?? OTHERS[place % OTHERS.length]!

/** At most so many lines can be told apart in one plot. */
const DRAWN = 6

/** The arms to draw: the reference and those known by name first, others as long as there is room. */
export function drawn<T extends { readonly arm: string }>(
  arms: readonly T[],
  reference: string,
): readonly (T & { readonly color: string })[] {
  const rank = ({ arm }: T) => {
    if (arm === reference) return 0
    const known = ['kindred', 'coda', 'local', 'local-pull', 'cloud-hourly', 'random', 'coda-random']
    return known.includes(arm) ? 1 + known.indexOf(arm) : known.length + 1
  }
  const chosen = arms.toSorted((a, b) => rank(a) - rank(b)).slice(0, DRAWN)
  return arms
    .filter((arm) => chosen.includes(arm))
    .map((arm, place) => ({ ...arm, color: colorOf(arm.arm, place) }))
}

/** Figures stand to the right, words to the left. */
export type Column<T> = readonly [title: string, cell: (row: T) => Html | string, kind?: 'words']

/** A table that is scrolled by itself where it is wider than the screen; its first column stays. */
export function table<T>(caption: string, columns: readonly Column<T>[], rows: readonly T[]): Html {
  const cells = (row: T) =>
    columns.map(([, cell, kind = ''], i) =>
      i === 0 ? html`<th scope="row">${cell(row)}</th>` : html`<td class="${kind}">${cell(row)}</td>`,
    )
  return html`<div class="wide" tabindex="0" role="region" aria-label="${caption}">
<table><caption><span>${caption}</span></caption>
<thead><tr>${columns.map(([title, , kind = '']) => html`<th scope="col" class="${kind}">${title}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>`)}</tbody>
</table></div>`
}

/** A plot and, where it has several arms, which is which. */
export const figure = (title: string, more: string, svg: string, arms: readonly Colored[] = []): Html =>
  html`<figure><figcaption>${title}<span>${more}</span></figcaption>${raw(svg)}${
    arms.length === 0
      ? ''
      : html`<ul class="key">${arms.map(({ arm, color }) => html`<li><i style="background:${color}"></i>${arm}</li>`)}</ul>`
  }</figure>`

interface Colored {
  readonly arm: string
  readonly color: string
}
