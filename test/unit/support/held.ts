/** Work that ends when the test says so. */
export const held = () => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let begun = false;
  const open = () => {
    begun = true;
    return promise;
  };
  return { open, resolve, reject, hasBegun: () => begun };
};

/** All that was due has run. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));
