/** What is used of selenium-webdriver, which brings no types. */
declare module 'selenium-webdriver' {
  export class Builder {
    usingServer(url: string): this
    disableEnvironmentOverrides(): this
    withCapabilities(capabilities: Record<string, unknown>): this
    build(): Promise<WebDriver>
  }
  export interface WebDriver {
    getCapabilities(): Promise<{ get(name: string): unknown }>
    manage(): { setTimeouts(timeouts: { script?: number; pageLoad?: number }): Promise<void> }
    get(url: string): Promise<void>
    executeAsyncScript(script: string, ...args: unknown[]): Promise<unknown>
    quit(): Promise<void>
  }
}
