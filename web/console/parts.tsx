/** Small parts that several views of the console share. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Failure } from '../../shared/error.ts'
import { Icon } from '../parts.tsx'
import type { Loaded } from './here.ts'
import { t } from './words/index.ts'

let arrived = false
/** The next view that is drawn was come to from another one: the focus goes to its title. */
export function announceArrival(): void {
  arrived = true
}

/** Whether the focus is on what was done last: it brought one here, and is to be read first. */
export const onSaid = (): boolean => Boolean(document.activeElement?.closest('[role="status"]'))

/** The title of a view, and of the document. */
export function Title({ children: title }: { children: string }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (arrived && !onSaid()) heading.current?.focus({ preventScroll: true })
    arrived = false
  }, [])
  useEffect(() => {
    document.title = `${title} · ${t.name}`
  }, [title])
  return (
    <h1 ref={heading} tabIndex={-1}>
      {title}
    </h1>
  )
}

/** What went wrong, as the server says it; and a way on, where there is one. */
export function Problem({ failure, again }: { failure: Failure; again?: () => void }) {
  return (
    <div class="fault" role="alert">
      <p>{failure.message}</p>
      {again && (
        <button type="button" class="button" onClick={again}>
          {t.again}
        </button>
      )}
    </div>
  )
}

/** What was loaded; until then that it is being loaded, or why it is not there. */
export function WhenLoaded<T>({
  of,
  children,
}: {
  of: Loaded<T>
  children: (value: T) => ComponentChildren
}) {
  return (
    <>
      {of.failure && <Problem failure={of.failure} again={of.again} />}
      {of.value !== null && children(of.value)}
      {of.value === null && !of.failure && <p class="quiet">{t.loading}</p>}
    </>
  )
}

/** Title of a view, with the button that looks anew. */
export function Head({ title, of }: { title: string; of: Loaded<unknown> }) {
  return (
    <div class="head">
      <Title>{title}</Title>
      <button type="button" class="button plain" onClick={of.again}>
        <Icon name="again" /> {t.refresh}
      </button>
    </div>
  )
}

interface FieldProps {
  label: string
  about?: string
  /** What does not fit. */
  wrong?: string | undefined
  children: (props: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ComponentChildren
  id: string
}

/** A control with its name, and with what is to be said of it. */
export function Field({ label, about, wrong, id, children }: FieldProps) {
  const said = [about && `${id}-about`, wrong && `${id}-wrong`].filter(Boolean).join(' ')
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({
        id,
        ...(said && { 'aria-describedby': said }),
        ...(wrong !== undefined && { 'aria-invalid': true as const }),
      })}
      {about && (
        <p id={`${id}-about`} class="quiet">
          {about}
        </p>
      )}
      {wrong && (
        <p id={`${id}-wrong`} class="wrong">
          {wrong}
        </p>
      )}
    </div>
  )
}

type InputProps = Omit<FieldProps, 'children'> & { value: string; change: (value: string) => void }

export const PercentField = ({ value, change, ...field }: InputProps) => (
  <Field {...field}>
    {(named) => (
      <input
        {...named}
        type="number"
        inputMode="decimal"
        min="0"
        max="100"
        step="any"
        required
        value={value}
        {...typed(change)}
      />
    )}
  </Field>
)

/** Local time, or nothing. */
export const MomentField = ({
  value,
  change,
  required = false,
  ...field
}: InputProps & { required?: boolean }) => (
  <Field {...field}>
    {(named) => (
      <input {...named} type="datetime-local" required={required} value={value} {...typed(change)} />
    )}
  </Field>
)

/** ms of what such a field holds; undefined for nothing. */
export const momentIn = (text: string): number | undefined =>
  text === '' ? undefined : new Date(text).getTime()

/** For a select: one for each. */
export const VersionOptions = ({ versions }: { versions: readonly number[] }) =>
  versions.map((one) => (
    <option key={one} value={`${one}`}>
      {t.version(one)}
    </option>
  ))

/** A word that says how something stands. */
export const Chip = ({ tone, children }: { tone: 'good' | 'calm' | 'bad'; children: string }) => (
  <span class="chip" data-tone={tone}>
    {children}
  </span>
)

/** Whatever has been typed or chosen. */
export const typed = (set: (value: string) => void) => ({
  onInput: ({ currentTarget }: { currentTarget: { value: string } }) => set(currentTarget.value),
})
