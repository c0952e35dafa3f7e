// The ways to the sign-in page and back.

/** Return where to go after signing in: the local path in ?next=, and never anywhere else. */
export function nextPath(search = location.search, origin = location.origin) {
  const wanted = new URLSearchParams(search).get("next") ?? "/";
  try {
    const url = new URL(wanted, origin);
    if (url.origin !== origin || !wanted.startsWith("/")) return "/";
    if (/^\/(api|ws|login|register)(\/|$)/.test(url.pathname)) return "/";
    return url.pathname + url.search;
  } catch {
    return "/";
  }
}

/** Return the address of the sign-in page that leads back to the current page. */
export function signInPath() {
  const here = location.pathname + location.search;
  return here === "/" ? "/login" : `/login?next=${encodeURIComponent(here)}`;
}

/** Return whether somebody is signing in or up on this page. */
export const isSignInPage = () => /^\/(login|register)(\/|$)/.test(location.pathname);
