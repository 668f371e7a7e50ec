import { useId } from 'preact/hooks'
import type { Catalogue } from '../../shared/catalogue.ts'
import { t } from '../strings/index.ts'
import type { Ranked } from './feed.ts'
import { Picture } from './picture.tsx'

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
        <ul class="chips" aria-label={t.card.topics}>
          {item.categories.map((category) => (
            <li key={category}>{catalogue.categories[category]}</li>
          ))}
        </ul>
        {opened && !open && <p class="card-mark">{t.card.opened}</p>}
        <div id={detail} hidden={!open}>
          {open && (
            <div class="card-detail">
              <p>{t.card.learns(catalogue.noun)}</p>
              <p class="quiet">{t.card.placed(place, count, catalogue.noun, chance)}</p>
            </div>
          )}
        </div>
      </div>
    </article>
  )
}
