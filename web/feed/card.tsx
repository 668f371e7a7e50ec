import { useId } from 'preact/hooks'
import type { Catalogue } from '../../shared/catalogue.ts'
import { countOf, ordinal } from '../phrases.ts'
import type { Ranked } from './feed.ts'
import { Picture } from './picture.tsx'

const percent = new Intl.NumberFormat('en', { style: 'percent', maximumSignificantDigits: 2 })

interface CardProps {
  ranked: Ranked
  catalogue: Catalogue
  /** Counted from 1, of `count` cards. */
  place: number
  count: number
  open: boolean
  opened: boolean
  onToggle: (item: string) => void
}

/** One item. Its button covers the whole card, so that anywhere is a fair place to tap. */
export function Card({ ranked, catalogue, place, count, open, opened, onToggle }: CardProps) {
  const { item, chance } = ranked
  const detail = useId()
  return (
    <article class="card" data-item={item.key} data-open={open} data-opened={opened}>
      <Picture item={item} />
      <div class="card-body">
        <h2 class="card-title">
          <button
            type="button"
            aria-expanded={open}
            aria-controls={detail}
            onClick={() => onToggle(item.key)}
          >
            {item.title}
          </button>
        </h2>
        <ul class="chips" aria-label="Topics">
          {item.categories.map((category) => (
            <li key={category}>{catalogue.categories[category]}</li>
          ))}
        </ul>
        {opened && !open && <p class="card-mark">Opened</p>}
        <div id={detail} hidden={!open}>
          {open && (
            <div class="card-detail">
              <p>
                You opened this {catalogue.noun}. Your model learns from what you open and what you pass by.
              </p>
              <p class="quiet">
                Placed {ordinal(place)} of {countOf(count, catalogue.noun)}: the model gave it a{' '}
                {percent.format(chance)} chance to be opened by you.
              </p>
            </div>
          )}
        </div>
      </div>
    </article>
  )
}
