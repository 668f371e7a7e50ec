/** Why an item stands where it does: in a sentence, in figures, and what the model looks at. */
import type { Catalogue } from '../../shared/catalogue.ts'
import type { CallOutput } from '../../shared/protocol.ts'
import { whyText } from '../feed/card.tsx'
import { namesOf } from '../feed/name.ts'
import { Panel } from '../parts.tsx'
import { fixed, signedPercent } from '../phrases.ts'
import { itemHref } from '../route.ts'
import { t } from '../strings/index.ts'
import { attentionBars } from './attention.ts'

/** Clicks whose attention is drawn. */
const BARS = 10

interface WhyProps {
  catalogue: Catalogue
  item: string
  /** Whether it has a place in the present feed. */
  inFeed: boolean
  reason: CallOutput<'why'>['items'][number]
  comparison: CallOutput<'compare'>
}

export function Why({ catalogue, item, inFeed, reason, comparison }: WhyProps) {
  const titleOf = namesOf(catalogue)
  const { now, delivered } = comparison
  const place = (order: typeof now) => t.item.ordinal(order.findIndex((one) => one.item === item) + 1)
  const chance = (order: typeof now) => t.plots.percent(order.find((one) => one.item === item)?.score ?? 0)
  return (
    <Panel title={t.item.why}>
      <p class="lead" data-testid="why">
        {reason.because ? whyText(reason.because, catalogue, titleOf) : t.item.noWhy}
      </p>
      <dl class="figures">
        <Figure name={t.item.chance} value={chance(now)} />
        {delivered && <Figure name={t.item.chanceM0} value={chance(delivered)} />}
        {inFeed && <Figure name={t.item.place} value={place(now)} />}
        {inFeed && delivered && <Figure name={t.item.placeM0} value={place(delivered)} />}
      </dl>
      {!delivered && <p class="quiet">{t.item.sameModel}</p>}
      <Attention
        noun={catalogue.noun}
        titleOf={titleOf}
        clicks={reason.clicks.filter((click) => click.item !== item)}
      />
    </Panel>
  )
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

interface AttentionProps {
  noun: string
  titleOf: (item: string) => string
  clicks: WhyProps['reason']['clicks']
}

/** A table, whose numbers are drawn as well. */
function Attention({ noun, titleOf, clicks }: AttentionProps) {
  if (clicks.length === 0) return <p class="quiet">{t.item.attentionNone}</p>
  return (
    <>
      <h3>{t.item.attention}</h3>
      <p class="quiet">{t.item.attentionAbout(noun)}</p>
      <table class="attention" data-testid="attention">
        <thead class="sr-only">
          <tr>
            <th scope="col">{t.item.opening(noun)}</th>
            <th scope="col">{t.item.effect}</th>
          </tr>
        </thead>
        <tbody>
          {attentionBars(clicks, BARS).map(({ item, weight, change, from, length, side }) => (
            <tr key={item} class="attention-row">
              <th scope="row">
                <a class="attention-item" href={itemHref(item)}>
                  <span>{titleOf(item)}</span>
                  <span class="quiet">{t.item.weight(fixed(weight, 2))}</span>
                </a>
              </th>
              <td>
                <span class="track" data-side={side}>
                  <span style={{ insetInlineStart: `${100 * from}%`, inlineSize: `${100 * length}%` }} />
                </span>
                <span class="value">{signedPercent(change)}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}
