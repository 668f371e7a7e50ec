import { useId } from 'preact/hooks'
import type { Catalogue } from '../../shared/catalogue.ts'
import { itemHref } from '../route.ts'
import { t } from '../strings/index.ts'
import type { Because, Ranked } from './feed.ts'
import { nameOf } from './name.ts'
import { Picture } from './picture.tsx'

interface CardProps {
  ranked: Ranked
  catalogue: Catalogue
  /** Counted from 1, of `count` cards. */
  place: number
  count: number
  because: Because | undefined
  /** The title of another item, by its key. */
  titleOf: (item: string) => string
  open: boolean
  opened: boolean
  onToggle: (item: string) => void
}

/** One item. Its button covers the whole card, so that anywhere is a fair place to tap. */
export function Card(props: CardProps) {
  const { ranked, catalogue, place, count, because, titleOf, open, opened, onToggle } = props
  const { item, chance } = ranked
  const detail = useId()
  const why = because && whyText(because, catalogue, titleOf)
  return (
    <article class="card" data-item={item.key} data-open={open} data-opened={opened}>
      <Picture item={item} catalogue={catalogue} />
      <div class="card-body">
        <h2 class="card-title">
          <button
            type="button"
            aria-expanded={open}
            aria-controls={detail}
            onClick={() => onToggle(item.key)}
          >
            {nameOf(item, catalogue)}
          </button>
        </h2>
        <Topics item={item} catalogue={catalogue} />
        {/* The line is always there: what is said of a card comes later than the card. */}
        {!open && (
          <p class="card-line">
            {opened ? <b>{t.card.opened}</b> : why && <span data-testid="why">{why}</span>}
          </p>
        )}
        <div id={detail} hidden={!open}>
          {open && (
            <div class="card-detail">
              <p>{t.card.learns(catalogue.noun)}</p>
              <p class="quiet">{t.card.placed(place, count, catalogue.noun, chance)}</p>
              {why && (
                <p class="quiet" data-testid="why">
                  {why}
                </p>
              )}
              <a class="button" href={itemHref(item.key)}>
                {t.card.more}
              </a>
            </div>
          )}
        </div>
      </div>
    </article>
  )
}

/** The categories of an item, unless all items have the same. */
export function Topics({ item, catalogue }: { item: Ranked['item']; catalogue: Catalogue }) {
  if (catalogue.categories.length === 1) return null
  return (
    <ul class="chips" aria-label={t.card.topics}>
      {item.categories.map((category) => (
        <li key={category}>{catalogue.categories[category]}</li>
      ))}
    </ul>
  )
}

/** Why an item stands where it does, in one sentence. */
export const whyText = (
  because: Because,
  { categories }: Catalogue,
  titleOf: (item: string) => string,
): string =>
  because.kind === 'click'
    ? t.why.click(titleOf(because.item))
    : t.why.category(categories[because.category] ?? '')
