// What Rust's standard library brings along: it comes compiled with the toolchain, so that no `cargo metadata` names it.

/**
 * The crates of std that are linked into an addon or the WebAssembly module (library/Cargo.lock of Rust's sources; its versions are
 * the toolchain's), with the licence that is kept to and who holds the rights, as their own files say.
 */
export const stdCrates = [
  { name: "std, core, alloc, panic_unwind, std_detect", copyright: "The Rust Project contributors" },
  { name: "compiler_builtins", copyright: "The Rust Project contributors; 2016 Jorge Aparicio" },
  {
    name: "libm (in compiler_builtins)",
    copyright: "2018 Jorge Aparicio; of musl, from which it comes, 2005-2020 Rich Felker and others",
  },
  { name: "addr2line", copyright: "2016-2018 The gimli Developers" },
  { name: "adler2", copyright: "its authors (Jonas Schievink, oyvindln)" },
  { name: "cfg-if", copyright: "2014 Alex Crichton" },
  { name: "dlmalloc (WebAssembly)", copyright: "2014 Alex Crichton" },
  { name: "gimli", copyright: "2015 The Rust Project Developers" },
  { name: "hashbrown", copyright: "2016 Amanieu d'Antras" },
  { name: "libc", copyright: "The Rust Project Developers" },
  { name: "memchr", copyright: "2015 Andrew Gallant" },
  {
    name: "miniz_oxide",
    copyright:
      "2013-2014 RAD Game Tools and Valve Software; 2010-2014 Rich Geldreich and Tenacious Software LLC; 2017 Frommi; 2017-2024 oyvindln",
  },
  { name: "object", copyright: "2015 The Gimli Developers" },
  { name: "rustc-demangle", copyright: "2014 Alex Crichton" },
];

/** Of the functions of libm that come from FreeBSD's msun. */
export const msun =
  "Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.\n" +
  "Developed at SunPro, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and distribute this\n" +
  "software is freely granted, provided that this notice is preserved.";
