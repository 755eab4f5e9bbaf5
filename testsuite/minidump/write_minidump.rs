// SPDX-License-Identifier: GPL-3.0-or-later
// usage: write-minidump PID TID FILE [START SIZE]...: a minidump by the crate minidump-writer, with the ranges as application
// memory.  All numbers are decimal.
use minidump_writer::{app_memory::AppMemory, minidump_writer::MinidumpWriterConfig};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |i: usize| arguments[i].parse::<usize>().unwrap();
    let mut config = MinidumpWriterConfig::new(number(1) as _, number(2) as _);
    let memory = (4..arguments.len() - 1).step_by(2);
    config.set_app_memory(memory.map(|i| AppMemory { ptr: number(i), length: number(i + 1) }).collect());
    config.write(&mut std::fs::File::create(&arguments[3]).unwrap()).unwrap();
}
