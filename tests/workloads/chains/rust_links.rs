// SPDX-License-Identifier: GPL-2.0-only
// Links of Rust: generic recursion, trait objects, closures, panics in flight, destructors,
// callbacks of the standard library.

#![no_main]

use std::alloc::{alloc, Layout};
use std::arch::asm;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::os::raw::{c_char, c_int};
use std::panic::{catch_unwind, AssertUnwindSafe};

type Link = extern "C" fn(c_int);

extern "C" {
    fn add_links(links: *const Link, count: usize);
    fn add_allocator(allocate: extern "C" fn(usize) -> *mut u8);
    #[link_name = "descend"]
    fn descend_in_c(links: c_int);
    fn random_below(bound: u32) -> u32;
    fn run_chains(argc: c_int, argv: *const *const c_char);
}

/// What std::hint::black_box() does, which Debian 12's rustc has not yet.
fn black_box<T>(value: T) -> T {
    unsafe { asm!("/* {} */", in(reg) &value) };
    value
}

#[inline(never)]
fn descend(links: c_int) {
    unsafe { descend_in_c(links) };
    black_box(links);
}

trait Nested {
    fn go(&self, links: c_int) -> u64;
}

struct Innermost;
struct Around<T: Nested>(T, [u64; 5]);

impl Nested for Innermost {
    #[inline(never)]
    fn go(&self, links: c_int) -> u64 {
        descend(links);
        black_box(1)
    }
}

impl<T: Nested> Nested for Around<T> {
    #[inline(never)]
    fn go(&self, links: c_int) -> u64 {
        self.0.go(links) + black_box(self.1)[2]
    }
}

extern "C" fn nested_generics(links: c_int) {
    let value = Around(Around(Around(Around(Innermost, [1; 5]), [2; 5]), [3; 5]), [4; 5]);
    black_box(value.go(links));
}

extern "C" fn through_trait_object(links: c_int) {
    let value: &dyn Nested = if links % 2 == 0 { &Innermost } else { &Around(Innermost, [7; 5]) };
    black_box(black_box(value).go(links));
}

extern "C" fn through_closure(links: c_int) {
    let memory = [links; 9];
    let call = |more: c_int| {
        descend(links);
        black_box(memory)[3] + more
    };
    let call: &dyn Fn(c_int) -> c_int = black_box(&call);
    black_box(call(2));
}

struct DescendsAtTheEnd(c_int);

impl Drop for DescendsAtTheEnd {
    #[inline(never)]
    fn drop(&mut self) {
        descend(self.0);
    }
}

extern "C" fn in_drop(links: c_int) {
    let guard = DescendsAtTheEnd(links);
    black_box(&guard);
}

#[inline(never)]
fn panics(links: c_int) {
    let _guard = DescendsAtTheEnd(links);
    // Without the hook, which would print.
    std::panic::resume_unwind(black_box(Box::new(links)));
}

extern "C" fn panic_in_flight(links: c_int) {
    let _ = black_box(catch_unwind(|| panics(links)));
}

extern "C" fn in_sort(links: c_int) {
    let mut numbers: Vec<u32> = (0..30).map(|_| unsafe { random_below(100) }).collect();
    let done = Cell::new(false);
    numbers.sort_by(|a, b| {
        if !done.replace(true) {
            descend(links);
        }
        a.cmp(b)
    });
    black_box(numbers);
}

extern "C" fn in_iterator(links: c_int) {
    let map: BTreeMap<c_int, c_int> = (0..9).map(|i| (i, links)).collect();
    let sum: c_int = map
        .iter()
        .filter(|(key, _)| **key == 5)
        .map(|(key, rest)| {
            descend(*rest);
            key + rest
        })
        .sum();
    black_box(sum);
}

extern "C" fn in_unwind_guard(links: c_int) {
    let _ = black_box(catch_unwind(AssertUnwindSafe(|| descend(links))));
}

// By way of __rust_alloc, which calls malloc.
extern "C" fn allocate(bytes: usize) -> *mut u8 {
    unsafe { alloc(Layout::from_size_align_unchecked(bytes, 1)) }
}

#[no_mangle]
pub extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    let links: [Link; 8] = [
        nested_generics, through_trait_object, through_closure, in_drop, panic_in_flight, in_sort,
        in_iterator, in_unwind_guard,
    ];
    unsafe {
        add_allocator(allocate);
        add_links(links.as_ptr(), links.len());
        run_chains(argc, argv);
    }
    std::process::exit(0)
}
