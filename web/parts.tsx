/** Small parts that several views share. */
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import type { Failure } from '../shared/failure.ts'
import { t } from './strings/index.ts'

const icons = {
  feed: 'M4 5h16v6H4zM4 15h7v4H4zM15 15h5v4h-5z',
  model: 'M14 12a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0M21 12a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0',
  again: 'M20 11a8 8 0 0 0-14.3-4M4 4v4.5h4.5M4 13a8 8 0 0 0 14.3 4M20 20v-4.5h-4.5',
  spark: 'M12 3l1.9 5.6L19.5 10.5l-5.6 1.9L12 18l-1.9-5.6L4.5 10.5l5.6-1.9zM19 17v4M17 19h4',
  install: 'M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14',
  train: 'M5 19V9M12 19V5M19 19v-7',
  settings: 'M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5v5M8 14.5v5',
} as const

/** Decoration beside words that say the same. */
export function Icon({ name }: { name: keyof typeof icons }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={icons[name]} />
    </svg>
  )
}

/** The mark: two circles that share a part. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 48 32" aria-hidden="true">
      <circle class="mark-one" cx="17" cy="16" r="14" />
      <circle class="mark-two" cx="31" cy="16" r="14" />
      <path class="mark-both" d="M24 3.876a14 14 0 0 1 0 24.248a14 14 0 0 1 0 -24.248Z" />
    </svg>
  )
}

let arrival: { item: string | null } | null = null
/** The next view that is drawn was come to from another one: from that of `item`, if it was one. */
export function announceArrival(item: string | null): void {
  arrival = { item }
}

/** Back from an item, the focus goes to where the item is in the list; else to the title. */
function settle(title: HTMLElement | null): void {
  const item = arrival?.item
  const card =
    item && document.querySelector<HTMLElement>(`article[data-item="${CSS.escape(item)}"] h2 button`)
  if (arrival) (card || title)?.focus({ preventScroll: true })
  arrival = null
}

/** The title of a view: of the document too, and where the focus goes when the view was come to from another. */
export function ViewTitle({ children: title, hidden = false }: { children: string; hidden?: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => settle(heading.current), [])
  useEffect(() => {
    document.title = hidden ? t.app.name : `${title} · ${t.app.name}`
  }, [title, hidden])
  return (
    <h1 ref={heading} tabIndex={-1} class={hidden ? 'sr-only' : undefined}>
      {title}
    </h1>
  )
}

/** A failure: what its kind means to the user, what happened exactly, and a way on. */
export function Fault({ failure, retry }: { failure: Failure; retry?: () => void }) {
  const fatal = failure.code === 'version' || failure.code === 'worker'
  const again = fatal ? () => location.reload() : retry
  return (
    <div class="fault" role="alert">
      <div>
        <p>{t.failure[failure.code]}</p>
        <p class="quiet" lang="en">
          {failure.message}
        </p>
      </div>
      {again && (
        <button type="button" class="button" onClick={again}>
          {fatal ? t.app.reloadPage : t.app.again}
        </button>
      )}
    </div>
  )
}

/** A titled part of a page. */
export function Panel({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      {children}
    </section>
  )
}

interface ChoiceProps<V extends string> {
  name: string
  legend: string
  value: V
  /** `lang` where the text is in a language of its own. */
  options: readonly { value: V; text: string; lang?: string }[]
  onChange: (value: V) => void
}

/** One of a few. */
export function Choice<V extends string>({ name, legend, value, options, onChange }: ChoiceProps<V>) {
  return (
    <fieldset class="choice">
      <legend class="sr-only">{legend}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={value === option.value}
            onChange={() => onChange(option.value)}
          />
          <span lang={option.lang}>{option.text}</span>
        </label>
      ))}
    </fieldset>
  )
}

interface SwitchProps {
  on: boolean
  text: string
  about: string
  testid?: string
  onChange: (on: boolean) => void
}

/** On or off, and what that means. */
export function Switch({ on, text, about, testid, onChange }: SwitchProps) {
  const id = useId()
  return (
    <>
      <label class="switch">
        <input
          type="checkbox"
          data-testid={testid}
          aria-describedby={id}
          checked={on}
          onChange={({ currentTarget }) => onChange(currentTarget.checked)}
        />
        <span>{text}</span>
      </label>
      <p id={id} class="quiet">
        {about}
      </p>
    </>
  )
}
