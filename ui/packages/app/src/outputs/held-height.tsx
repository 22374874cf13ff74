// Keeps the place of what is taken away for a moment: what comes at once instead moves nothing below it.
import { Component, createRef, type ReactNode } from "react";

const HELD_MS = 500;

interface HeldHeightProps {
  /** Names what is shown; another name is other content. */
  readonly name: string;
  readonly children: ReactNode;
}

/** As high as its content, and for a moment after a change of the name as high as before. */
export class HeldHeight extends Component<HeldHeightProps> {
  readonly #element = createRef<HTMLDivElement>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  override getSnapshotBeforeUpdate(previous: HeldHeightProps): number | null {
    const element = this.#element.current;
    // Of what is out of sight the browser has no layout, and to make one for a height takes its time.
    if (previous.name === this.props.name || !element?.checkVisibility({ contentVisibilityAuto: true })) return null;
    return element.offsetHeight;
  }

  override componentDidUpdate(_props: HeldHeightProps, _state: unknown, height: number | null): void {
    const element = this.#element.current;
    if (height === null || element === null) return;
    element.style.minHeight = `${height}px`;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      element.style.minHeight = "";
    }, HELD_MS);
  }

  override componentWillUnmount(): void {
    clearTimeout(this.#timer);
  }

  override render(): ReactNode {
    return <div ref={this.#element}>{this.props.children}</div>;
  }
}
