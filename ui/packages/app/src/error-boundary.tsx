// Keeps a failure of one part to that part: it says so in its place and offers to try again.
import { Component, type ReactNode } from "react";

interface Props {
  readonly what: string;
  readonly children: ReactNode;
  /** Hears of the failure instead of the place's own words, for a part that draws nothing. */
  readonly onError?: (error: Error) => void;
}

export class ErrorBoundary extends Component<Props, { readonly error: Error | null }> {
  override state: { readonly error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown): { readonly error: Error } {
    return { error: asError(error) };
  }

  override componentDidCatch(error: unknown): void {
    this.props.onError?.(asError(error));
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    if (this.props.onError !== undefined) return null;
    return (
      <div className="broken" role="alert">
        <strong>{this.props.what} cannot be shown.</strong> <span>{error.message}</span>{" "}
        <button type="button" className="link-button" onClick={() => this.setState({ error: null })}>
          Try again
        </button>
      </div>
    );
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
