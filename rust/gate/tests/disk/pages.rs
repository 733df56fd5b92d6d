//! The bytes of a file in pages that clones share until one of them writes.

use std::sync::Arc;

const PAGE: usize = 4096;

/// A file's bytes. A clone costs a pointer a page.
#[derive(Clone, Default)]
pub struct Pages {
    len: usize,
    // Bytes beyond `len` in the last page are zero.
    pages: Vec<Arc<[u8; PAGE]>>,
}

impl Pages {
    /// The file's size.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Copies bytes from an offset and says how many there were; zeroes the rest of the buffer.
    pub fn read(&self, offset: usize, buffer: &mut [u8]) -> usize {
        let count = self.len.saturating_sub(offset).min(buffer.len());
        let (mut at, mut rest) = (offset, &mut buffer[..count]);
        while !rest.is_empty() {
            let (page, start) = (at / PAGE, at % PAGE);
            let (head, tail) = rest.split_at_mut((PAGE - start).min(rest.len()));
            head.copy_from_slice(&self.pages[page][start..start + head.len()]);
            at += head.len();
            rest = tail;
        }
        buffer[count..].fill(0);
        count
    }

    /// Writes bytes at an offset; a gap before them reads as zeros.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.set_len(self.len.max(offset + bytes.len()));
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (page, start) = (at / PAGE, at % PAGE);
            let (head, tail) = rest.split_at((PAGE - start).min(rest.len()));
            Arc::make_mut(&mut self.pages[page])[start..start + head.len()].copy_from_slice(head);
            at += head.len();
            rest = tail;
        }
    }

    /// Cuts the file, or extends it with zeros.
    pub fn set_len(&mut self, len: usize) {
        let count = len.div_ceil(PAGE);
        if count > self.pages.len() {
            self.pages.resize(count, Arc::new([0; PAGE]));
        }
        self.pages.truncate(count);
        if len < self.len && !len.is_multiple_of(PAGE) {
            Arc::make_mut(&mut self.pages[count - 1])[len % PAGE..].fill(0);
        }
        self.len = len;
    }

    /// All bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        self.read(0, &mut bytes);
        bytes
    }
}
