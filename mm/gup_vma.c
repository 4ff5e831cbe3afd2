// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which VMA an address belongs to, whether this caller may take pages of it,
 * and the gate area. No page table is walked before this file agreed.
 */
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>

#include "gup_internal.h"
#include "vma.h"

/* An access this close below the stack was probably meant to expand it. */
#define GUP_STACK_WARN_RANGE	SZ_64K

/* Once an hour. The tests begin the hour anew. */
DEFINE_RATELIMIT_STATE(gup_stack_warning, 60 * 60 * HZ, 1);

/*
 * The stack is not expanded here: that needs mmap_lock for writing. Say so to
 * whoever relies on it.
 */
static void gup_warn_below_stack(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *above = find_vma(mm, addr);

	if (!above || !(above->vm_flags & VM_GROWSDOWN) ||
	    above->vm_start - addr > GUP_STACK_WARN_RANGE)
		return;
	if (!__ratelimit(&gup_stack_warning))
		return;
	pr_warn("%s[%d]: get_user_pages() at %#lx does not expand the stack at %#lx-%#lx\n",
		current->comm, task_pid_nr(current), addr, above->vm_start,
		above->vm_end);
}

/* Only a private mapping may be written to against its protection: it is COWed. */
static bool gup_write_allowed(struct vm_area_struct *vma, unsigned int flags)
{
	/*
	 * The file system would never hear of writes through a long-term pin:
	 * it writes the page back and from then on believes it clean.
	 */
	if ((flags & (FOLL_PIN | FOLL_LONGTERM)) == (FOLL_PIN | FOLL_LONGTERM) &&
	    vma_needs_dirty_tracking(vma))
		return false;
	if ((vma->vm_flags & VM_WRITE) && !(vma->vm_flags & VM_SHADOW_STACK))
		return true;
	return (flags & FOLL_FORCE) && vma_is_cow_mapping(vma);
}

static bool gup_read_allowed(struct vm_area_struct *vma, unsigned int flags)
{
	if (vma->vm_flags & VM_READ)
		return true;
	return (flags & FOLL_FORCE) && (vma->vm_flags & VM_MAYREAD);
}

/* What only some flags care about. */
static int gup_check_vma_kind(struct vm_area_struct *vma, unsigned int flags)
{
	if ((flags & FOLL_ANON) && !vma_is_anonymous(vma))
		return -EFAULT;
	if ((flags & FOLL_LONGTERM) && vma_is_fsdax(vma))
		return -EOPNOTSUPP;
	if ((flags & FOLL_SPLIT_PMD) && is_vm_hugetlb_page(vma))
		return -EOPNOTSUPP;
	return 0;
}

/**
 * gup_check_vma() - may pages of a VMA be taken?
 * @vma: The VMA.
 * @flags: Those of the request.
 *
 * Context: mmap_lock or the lock of @vma is held.
 * Return: 0, -EFAULT or -EOPNOTSUPP.
 */
int gup_check_vma(struct vm_area_struct *vma, unsigned int flags)
{
	const bool write = flags & FOLL_WRITE;
	const bool foreign = flags & FOLL_REMOTE;
	int error;

	if (vma->vm_flags & (VM_IO | VM_PFNMAP))
		return -EFAULT;
	if (flags & (FOLL_ANON | FOLL_LONGTERM | FOLL_SPLIT_PMD)) {
		error = gup_check_vma_kind(vma, flags);
		if (error)
			return error;
	}
	if (!vma_is_anonymous(vma) && vma_is_secretmem(vma))
		return -EFAULT;
	if (write ? !gup_write_allowed(vma, flags) :
		    !gup_read_allowed(vma, flags))
		return -EFAULT;
	if (!arch_vma_access_permitted(vma, write, false, foreign))
		return -EFAULT;
	return 0;
}

/* There is no VMA at the next address. */
static struct vm_area_struct *gup_no_vma(struct gup_req *req)
{
	const bool populate = req->flags & FOLL_MADV_POPULATE;
	unsigned long addr = gup_addr(req);

	if (!populate && in_gate_area(req->mm, addr))
		return NULL;
	gup_warn_below_stack(req->mm, addr);
	return ERR_PTR(populate ? -ENOMEM : -EFAULT);
}

/**
 * gup_find_vma() - the VMA of the next address, if its pages may be taken
 * @req: The request.
 *
 * Context: mmap_lock held.
 * Return: The VMA. NULL if the address is in the gate area. An error pointer
 * if there is no VMA (-EFAULT, -ENOMEM for FOLL_MADV_POPULATE) or it is refused
 * (-EFAULT or -EOPNOTSUPP, -EINVAL for FOLL_MADV_POPULATE).
 */
struct vm_area_struct *gup_find_vma(struct gup_req *req)
{
	struct vm_area_struct *vma = vma_lookup(req->mm, gup_addr(req));
	int error;

	if (unlikely(!vma))
		return gup_no_vma(req);
	error = gup_check_vma(vma, req->flags);
	if (unlikely(error))
		return ERR_PTR(req->flags & FOLL_MADV_POPULATE ? -EINVAL : error);
	return vma;
}

#ifdef __HAVE_ARCH_GATE_AREA
/* The PTE of a gate page: set up at boot or exec and not changed afterwards. */
static pte_t gup_gate_pte(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = addr > TASK_SIZE ? pgd_offset_k(addr) :
					pgd_offset(mm, addr);
	pte_t *ptep, pte = __pte(0);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd))
		return pte;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return pte;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud))
		return pte;
	pmd = pmd_offset(pud, addr);
	if (!pmd_present(*pmd))
		return pte;
	ptep = pte_offset_map(pmd, addr);
	if (!ptep)
		return pte;
	pte = ptep_get(ptep);
	pte_unmap(ptep);
	return pte;
}

/**
 * gup_gate_page() - take the gate page at the next address
 * @req: The request; its next address is in the gate area.
 *
 * Context: mmap_lock held.
 * Return: GUP_PROGRESS, or GUP_ERROR with -EFAULT for a write or where nothing
 * is mapped, and the errors of gup_grab_stable().
 */
enum gup_outcome gup_gate_page(struct gup_req *req)
{
	unsigned long addr = gup_addr(req);
	struct page *page;
	pte_t pte;
	int error;

	if (req->flags & FOLL_WRITE)
		return gup_fail(req, -EFAULT);
	pte = gup_gate_pte(req->mm, addr);
	if (!pte_present(pte))
		return gup_fail(req, -EFAULT);
	page = vm_normal_page(get_gate_vma(req->mm), addr, pte);
	if (!page && !(req->flags & FOLL_DUMP) && is_zero_pfn(pte_pfn(pte)))
		page = pte_page(pte);
	if (!page)
		return gup_fail(req, -EFAULT);
	error = gup_grab_stable(req, page_folio(page), 1, req->flags, false);
	if (error)
		return gup_fail(req, error);
	gup_sink_put(&req->sink, page, 1);
	gup_sink_flush_caches(&req->sink, gup_sink_nr(&req->sink) - 1,
			      get_gate_vma(req->mm), addr);
	return GUP_PROGRESS;
}
#else
enum gup_outcome gup_gate_page(struct gup_req *req)
{
	return gup_fail(req, -EFAULT);
}
#endif	/* __HAVE_ARCH_GATE_AREA */
